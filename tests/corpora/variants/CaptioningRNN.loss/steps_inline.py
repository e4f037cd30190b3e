# The recurrence run with the step functions, without rnn_forward.
def loss(self, features, captions):
    q = {name: value for name, value in self.params.items()}
    words, kept_words = word_embedding_forward(captions_in, q["W_embed"])
    state, kept, states = features @ q["W_proj"] + q["b_proj"], [], []
    for t in range(words.shape[1]):
        state, one = rnn_step_forward(words[:, t], state, q["Wx"], q["Wh"], q["b"])
        kept.append(one)
        states.append(state)
    scores, kept_scores = temporal_affine_forward(np.stack(states, 1), q["W_vocab"], q["b_vocab"])
    loss, dscores = temporal_softmax_loss(scores, captions_out, mask)
    grads = {name: np.zeros_like(value) for name, value in q.items()}
    dstates, grads["W_vocab"], grads["b_vocab"] = temporal_affine_backward(dscores, kept_scores)
    dwords, dstate = np.zeros_like(words), 0
    for t in range(words.shape[1] - 1, -1, -1):
        dwords[:, t], dstate, dWx, dWh, db = rnn_step_backward(dstates[:, t] + dstate, kept[t])
        grads["Wx"] += dWx
        grads["Wh"] += dWh
        grads["b"] += db
    grads["W_embed"] = word_embedding_backward(dwords, kept_words)
    grads["W_proj"] += features.T.dot(dstate)
    grads["b_proj"] += dstate.sum(0)
    return loss, grads
