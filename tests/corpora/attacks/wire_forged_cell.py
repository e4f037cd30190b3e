"""A cell that reports about itself what it likes: success, other outputs, a page of script, a million of them.

cheats: nothing
keeps: rnn_step_forward, rnn_step_backward, rnn_forward, rnn_backward, temporal_softmax_loss
shows: 4000000
"""
# %% extra last
@protocol@


connection, number = line()
data = {"text/html": "<script>alert('@marker@')</script>", "text/plain": "@marker@", "image/png": "<script>@marker@"}
output = {"output_type": "execute_result", "execution_count": "<b>", "metadata": {"a": [1]}, "data": data}
connection.sendall(message([number, 0, "ran", [output] * 1000, True, 7, False]))
