# Projections by einsum, gradients put in with update.
def loss(self, features, captions):
    h0 = np.einsum("nd,dh->nh", features, self.params["W_proj"]) + self.params["b_proj"]
    embedded, e = word_embedding_forward(captions_in, self.params["W_embed"])
    hidden, r = rnn_forward(embedded, h0, self.params["Wx"], self.params["Wh"], self.params["b"])
    scores = np.einsum("nth,hv->ntv", hidden, self.params["W_vocab"]) + self.params["b_vocab"]
    loss, g = temporal_softmax_loss(scores, captions_out, mask)
    grads.update(W_vocab=np.einsum("nth,ntv->hv", hidden, g), b_vocab=np.einsum("ntv->v", g))
    dembedded, dh0, dWx, dWh, db = rnn_backward(np.einsum("ntv,hv->nth", g, self.params["W_vocab"]), r)
    grads.update(Wx=dWx, Wh=dWh, b=db, W_embed=word_embedding_backward(dembedded, e))
    grads.update(W_proj=np.einsum("nd,nh->dh", features, dh0), b_proj=np.einsum("nh->h", dh0))
    return loss, grads
