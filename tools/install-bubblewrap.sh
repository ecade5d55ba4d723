#!/bin/sh
# The sandbox for generated code. Installed where that needs no password; otherwise the product says on
# screen that it runs such code in the weaker, built-in sandbox, and how to change that.
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null && exit 0; fi
    if sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq bubblewrap >/dev/null && exit 0; fi
fi
echo "bubblewrap is not installed: fixes will run in the weaker built-in sandbox (sudo apt install bubblewrap)"
