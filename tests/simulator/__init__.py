"""An exchange simulator that is true to the venues' protocols; the README beside this file says what it imitates."""
