/* The version of the program, in -v and in its User-Agent. */

#ifndef VERSION_H
#define VERSION_H


#define VERSION  "0.1.0"


#endif /* VERSION_H */
