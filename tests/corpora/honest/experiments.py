"""Extra cells with experiments: some fail, some display, some print, some plot without a plotting library."""
# %% extra check-rnn_step_forward
next_h, cache = rnn_step_forward(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4))
next_h
# %% extra check-rnn_step_backward
rnn_step_forward(np.ones(3))
# %% extra check-rnn_forward
plt.plot([1, 2, 3])
# %% extra check-rnn_backward
N = D = H = T = x = h = Wx = dh = "nothing that the check may use"
assert False, "我不明白"
# %% extra check-word_embedding_forward
def (
# %% extra check-word_embedding_backward
await __import__("asyncio").sleep(0)
# %% extra last
display(np.eye(2), "再见")
for _ in range(3):
    display({"a": _})
1 / 0
