"""Cells of one's own that install and import a plotting library to look at tanh; no exercise uses it."""
# %% extra check-rnn_step_forward
%pip install matplotlib
# %% extra check-rnn_step_backward
import matplotlib.pyplot as plt

plt.plot(np.tanh(np.linspace(-3, 3)))
