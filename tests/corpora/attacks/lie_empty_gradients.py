"""Returns no gradients at all: a check that walks over the student's own keys finds nothing wrong.

cheats: CaptioningRNN.loss:!loss
proves: keys
"""
# %% extra check-CaptioningRNN-loss
right = CaptioningRNN.loss
CaptioningRNN.loss = lambda self, features, captions: (right(self, features, captions)[0], {})
