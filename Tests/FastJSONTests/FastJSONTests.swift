// Tests of FastJSON.
