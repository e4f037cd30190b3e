# Nothing of the notebook used: the whole model as formulas.
def loss(self, features, captions):
    W_embed, Wx, Wh, b = (self.params[k] for k in ("W_embed", "Wx", "Wh", "b"))
    W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]
    N, T = captions_in.shape
    vectors = W_embed[captions_in]
    states = [features.dot(self.params["W_proj"]) + self.params["b_proj"]]
    for t in range(T):
        states.append(np.tanh(vectors[:, t].dot(Wx) + states[t].dot(Wh) + b))
    scores = np.stack(states[1:], axis=1).dot(W_vocab) + b_vocab
    logp = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    target = np.eye(scores.shape[2])[captions_out]
    loss = -(logp * target * mask[:, :, None]).sum() / N
    dscores = (np.exp(logp) - target) * mask[:, :, None] / N
    grads = {k: np.zeros(v.shape) for k, v in self.params.items()}
    flow = np.zeros_like(states[0])
    for t in range(T - 1, -1, -1):
        grads["W_vocab"] += states[t + 1].T.dot(dscores[:, t])
        grads["b_vocab"] += dscores[:, t].sum(axis=0)
        da = (dscores[:, t].dot(W_vocab.T) + flow) * (1 - states[t + 1] ** 2)
        grads["Wx"] += vectors[:, t].T.dot(da)
        grads["Wh"] += states[t].T.dot(da)
        grads["b"] += da.sum(axis=0)
        np.add.at(grads["W_embed"], captions_in[:, t], da.dot(Wx.T))
        flow = da.dot(Wh.T)
    grads["W_proj"] = features.T.dot(flow)
    grads["b_proj"] = flow.sum(axis=0)
    return loss, grads
