/**
 * What every backend must do, as a library: programs of every op with their data, a comparison with the reference, and a check of gradients by
 * differences. A backend's test extends {@link io.github.lora4j.testkit.BackendSuite}.
 */
package io.github.lora4j.testkit;
