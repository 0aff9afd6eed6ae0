"""Pictures in which faces are hard to find, composed without any code of training; kinds.py says what they are."""
