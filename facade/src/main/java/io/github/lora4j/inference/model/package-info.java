/** The model that is served, with its adapters and how it converses. */
package io.github.lora4j.inference.model;
