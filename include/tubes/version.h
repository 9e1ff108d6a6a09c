/* SPDX-License-Identifier: MIT */
/* tubes/version.h -- the version; CMake reads it from here. */
#ifndef TUBES_VERSION_H
#define TUBES_VERSION_H

/** Of the headers: major.minor.patch. */
#define TUBE_VERSION "0.1.0"

#endif /* TUBES_VERSION_H */
