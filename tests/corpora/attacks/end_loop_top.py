"""An endless loop at the top of a cell, before anything is defined.

cheats: word_embedding_backward
keeps: rnn_step_forward, rnn_step_backward, rnn_forward, rnn_backward
proves: clock
"""
# %% extra solve-word_embedding_backward
while True:
    pass
# %% cell word_embedding_backward
word_embedding_backward = None
