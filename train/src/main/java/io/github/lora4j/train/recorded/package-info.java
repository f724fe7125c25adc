/** Models with a head and a loss as recordings, and the host side of the targets that the losses judge by. */
package io.github.lora4j.train.recorded;
