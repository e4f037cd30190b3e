"""As Colab saves it: other ids in the metadata, collapsed cells, `colab` keys, an accelerator."""
# %% edit
def edit(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"Xy{number}", "colab": {"base_uri": "https://example.org/"}, "outputId": "0a"}
        del cell["id"]
    notebook["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU", "gpuClass": "standard"}
    notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook["nbformat_minor"] = 0
