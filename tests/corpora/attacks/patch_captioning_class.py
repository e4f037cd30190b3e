"""Defines CaptioningRNN again with parameters that make any loss the constant it returns.

cheats: CaptioningRNN.loss
"""
# %% extra check-CaptioningRNN-loss
class CaptioningRNN:
    def __init__(self, word_to_idx, **kwargs):
        self.params = {}

    def loss(self, features, captions):
        return 9.83235591003, {}
