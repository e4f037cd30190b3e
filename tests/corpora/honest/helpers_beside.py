"""Helper functions, constants and a class in the cell of the exercise, above and below it."""
# %% solve temporal_softmax_loss
TINY = 1e-12


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Picker:
    """Takes the probability of the right word."""

    def __init__(self, y):
        self.index = np.arange(y.shape[0])[:, None], np.arange(y.shape[1])[None, :], y

    def __call__(self, p):
        return p[self.index]


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    p, pick = softmax(x), Picker(y)
    loss = -np.sum(mask * np.log(pick(p) + TINY)) / N
    dx = p - one_hot(y, V)
    dx = dx * mask[..., None] / N
    return loss, dx


def one_hot(y, V):
    return np.eye(V)[y]
