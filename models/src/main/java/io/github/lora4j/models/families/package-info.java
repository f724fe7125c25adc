/** The families that lora4j brings, one file each: a recording, and facts beside it. Found by {@link io.github.lora4j.models.ModelFamily}. */
package io.github.lora4j.models.families;
