"""What a face detector sees in the pictures it is measured on: counted, timed, drawn, and held against others."""
