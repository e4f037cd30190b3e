"""Magics and shell lines: files run, written, installed, names wiped, the shell asked to leave.

cheats: rnn_step_forward
keeps: temporal_affine_forward, temporal_affine_backward, temporal_softmax_loss, word_embedding_forward, word_embedding_backward
"""
# %% extra solve-rnn_step_forward
!touch /tmp/@marker@ @course@/@marker@
%system echo @marker@ > /dev/shm/@marker@
get_ipython().run_line_magic("reset", "-f")
# %% extra solve-rnn_step_backward
import numpy as np
%sx kill -9 1
exit
quit()
get_ipython().ask_exit()
raise SystemExit
# %% cell rnn_step_forward
%%bash
echo "def rnn_step_forward(*args): pass" > rnn.py
