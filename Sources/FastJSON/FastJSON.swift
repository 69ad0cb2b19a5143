// The FastJSON module.
