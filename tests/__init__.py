"""The tests: mirrors of src, and the folders of DESIGN.md section 7."""
