"""Word times from Whisper or WebMAUS, and the TextGrid files that hold them."""
