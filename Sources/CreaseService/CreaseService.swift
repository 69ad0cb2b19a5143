// The CreaseService module.
