/** The formats of {@link io.github.lora4j.vector.blocks} by the Vector API: the same bits as the plain code there, a few vectors at a time. */
@NullMarked
package io.github.lora4j.vector.internal.blocks;

import org.jspecify.annotations.NullMarked;
