"""Magics that people use: %time, %timeit, %%capture, %precision, %who, ?, !ls, %matplotlib, %load_ext."""
# %% extra check-rnn_step_forward
%time rnn_step_forward(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((4, 4)), np.ones(4))
# %% extra check-rnn_step_backward
%%time
total = sum(range(1000))
total
# %% extra check-rnn_forward
%timeit -n 1 -r 1 np.ones(3)
%precision 3
%who
# %% extra check-rnn_backward
%%capture caught
print("unseen")
np.ones(3)
# %% extra check-word_embedding_forward
%matplotlib inline
# %% extra check-word_embedding_backward
np.add.at?
# %% extra check-temporal_affine_forward
!ls
# %% extra check-temporal_affine_backward
%load_ext autoreload
%autoreload 2
# %% extra last
%%html
<b>bold</b>
