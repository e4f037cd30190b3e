"""Each call is fast enough, all together take the afternoon: a tenth of a second in every call of the loss.

cheats: nothing
keeps: rnn_step_forward, rnn_step_backward, rnn_forward, rnn_backward
verdict: graded, timeout
"""
# %% extra check-CaptioningRNN-loss
import time

right = CaptioningRNN.loss


def slow(self, features, captions):
    time.sleep(0.1)
    return right(self, features, captions)


CaptioningRNN.loss = slow
