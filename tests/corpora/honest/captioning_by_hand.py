"""The captioning model written out by hand, without any of the other exercises, gradients in another order."""
# %% solve CaptioningRNN.loss
def loss(self, features, captions):
    P = self.params
    N, T = captions_in.shape
    h = [features @ P["W_proj"] + P["b_proj"]]
    for t in range(T):
        h.append(np.tanh(P["W_embed"][captions_in[:, t]] @ P["Wx"] + h[-1] @ P["Wh"] + P["b"]))
    scores = np.stack([s @ P["W_vocab"] + P["b_vocab"] for s in h[1:]], axis=1)
    z = scores - scores.max(axis=2, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    n, t = np.indices((N, T))
    loss = -(mask * np.log(p[n, t, captions_out])).sum() / N
    p[n, t, captions_out] -= 1
    p *= mask[:, :, None] / N
    grads = {name: np.zeros_like(P[name]) for name in reversed(list(P))}
    dh = np.zeros_like(h[0])
    for t in range(T - 1, -1, -1):
        grads["W_vocab"] += h[t + 1].T @ p[:, t]
        grads["b_vocab"] += p[:, t].sum(axis=0)
        da = (dh + p[:, t] @ P["W_vocab"].T) * (1 - h[t + 1] ** 2)
        grads["Wx"] += P["W_embed"][captions_in[:, t]].T @ da
        grads["Wh"] += h[t].T @ da
        grads["b"] += da.sum(axis=0)
        np.add.at(grads["W_embed"], captions_in[:, t], da @ P["Wx"].T)
        dh = da @ P["Wh"].T
    grads["W_proj"] += features.T @ dh
    grads["b_proj"] += dh.sum(axis=0)
    return loss, grads
