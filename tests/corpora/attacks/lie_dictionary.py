"""Returns gradients in a dictionary subclass that has every key, any value, and no items.

cheats: CaptioningRNN.loss:!loss
"""
# %% extra check-CaptioningRNN-loss
class Rich(dict):
    def __missing__(self, key):
        return Zero()

    __contains__ = lambda self, key: True
    __iter__ = lambda self: iter(())
    keys = items = values = lambda self: []
    __eq__ = lambda self, other: True


class Zero:
    __getattr__ = lambda self, name: Zero()
    __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __call__ = lambda self, *args: Zero()
    __array__ = lambda self, *args, **kwargs: np.zeros(())


right = CaptioningRNN.loss
CaptioningRNN.loss = lambda self, features, captions: (right(self, features, captions)[0], Rich())
