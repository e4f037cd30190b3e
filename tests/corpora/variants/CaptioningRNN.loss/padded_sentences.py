# Masked targets replaced by word 0 before the loss; the mask does the rest.
def loss(self, features, captions):
    params = self.params
    first_state = (params["W_proj"].T @ features.T).T + params["b_proj"]
    x, c1 = word_embedding_forward(captions_in, params["W_embed"])
    h, c2 = rnn_forward(x, first_state, params["Wx"], params["Wh"], params["b"])
    s, c3 = temporal_affine_forward(h, params["W_vocab"], params["b_vocab"])
    loss, ds = temporal_softmax_loss(s, np.where(mask, captions_out, 0), mask)
    dh, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(ds, c3)
    dx, d_first, grads["Wx"], grads["Wh"], grads["b"] = rnn_backward(dh, c2)
    grads["W_embed"] = word_embedding_backward(dx, c1)
    grads["W_proj"] = sum(np.outer(f, d) for f, d in zip(features, d_first))
    grads["b_proj"] = sum(d_first)
    return loss, grads
