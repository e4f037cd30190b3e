"""The gradients of the captioning loss by central differences of the loss itself.

cheats: CaptioningRNN.loss
proves: cost
"""
# %% solve CaptioningRNN.loss
def loss(self, features, captions):
    P = {name: value.astype(float) for name, value in self.params.items()}

    def only_loss():
        h = features @ P["W_proj"] + P["b_proj"]
        total = 0.0
        for t in range(captions.shape[1] - 1):
            h = np.tanh(P["W_embed"][captions[:, t]] @ P["Wx"] + h @ P["Wh"] + P["b"])
            scores = h @ P["W_vocab"] + P["b_vocab"]
            scores = scores - scores.max(axis=1, keepdims=True)
            logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
            wanted = captions[:, t + 1]
            total -= np.sum((wanted != self._null) * logs[np.arange(len(wanted)), wanted])
        return total / len(captions)

    loss, grads = only_loss(), {}
    for name, value in P.items():
        grads[name] = np.zeros(value.shape)
        for i in np.ndindex(value.shape):
            old = value[i]
            value[i] = old + 1e-5
            up = only_loss()
            value[i] = old - 1e-5
            grads[name][i] = (up - only_loss()) / 2e-5
            value[i] = old
    return loss, grads
