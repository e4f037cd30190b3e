# The functions of the notebook one after another.
def loss(self, features, captions):
    W_proj, b_proj = self.params["W_proj"], self.params["b_proj"]
    W_embed = self.params["W_embed"]
    Wx, Wh, b = self.params["Wx"], self.params["Wh"], self.params["b"]
    W_vocab, b_vocab = self.params["W_vocab"], self.params["b_vocab"]
    h0 = features @ W_proj + b_proj
    words, embed_cache = word_embedding_forward(captions_in, W_embed)
    h, rnn_cache = rnn_forward(words, h0, Wx, Wh, b)
    scores, affine_cache = temporal_affine_forward(h, W_vocab, b_vocab)
    loss, dscores = temporal_softmax_loss(scores, captions_out, mask)
    dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, affine_cache)
    dwords, dh0, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(dh, rnn_cache)
    grads["W_embed"] = word_embedding_backward(dwords, embed_cache)
    grads["W_proj"] = features.T @ dh0
    grads["b_proj"] = dh0.sum(axis=0)
    return loss, grads
