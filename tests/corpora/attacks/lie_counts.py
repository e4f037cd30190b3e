"""Returns too few, too many or no values at all, or a class instead of an instance.

cheats: rnn_step_forward, word_embedding_forward, word_embedding_backward, temporal_affine_forward, temporal_softmax_loss
keeps: nothing
"""
# %% cell rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    return ()
# %% cell word_embedding_forward
def word_embedding_forward(x, W):
    return W[x], None, None, W[x]
# %% cell word_embedding_backward
word_embedding_backward = np.ndarray
# %% cell temporal_affine_forward
temporal_affine_forward = "temporal_affine_forward"
# %% cell temporal_softmax_loss
class temporal_softmax_loss:
    def __init__(self, x, y, mask, verbose=False):
        self.loss = 2.3
