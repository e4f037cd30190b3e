# The projection is a temporal affine layer of one moment.
def loss(self, features, captions):
    P = self.params
    start, start_cache = temporal_affine_forward(features[:, None, :], P["W_proj"], P["b_proj"])
    words, words_cache = word_embedding_forward(captions[:, :-1], P["W_embed"])
    states, states_cache = rnn_forward(words, start[:, 0, :], P["Wx"], P["Wh"], P["b"])
    scores, scores_cache = temporal_affine_forward(states, P["W_vocab"], P["b_vocab"])
    loss, dscores = temporal_softmax_loss(scores, captions[:, 1:], captions[:, 1:] != self._null)
    back = temporal_affine_backward(dscores, scores_cache)
    grads["W_vocab"], grads["b_vocab"] = back[1:]
    back = rnn_backward(back[0], states_cache)
    grads["Wx"], grads["Wh"], grads["b"] = back[2:]
    grads["W_embed"] = word_embedding_backward(back[0], words_cache)
    _, grads["W_proj"], grads["b_proj"] = temporal_affine_backward(back[1][:, None, :], start_cache)
    return loss, grads
