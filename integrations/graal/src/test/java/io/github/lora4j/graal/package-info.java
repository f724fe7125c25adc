/** Other languages of GraalVM as users of the library. */
package io.github.lora4j.graal;
