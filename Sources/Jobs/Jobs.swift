// The Jobs module.
