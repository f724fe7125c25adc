/** HTTP around the JDK's server: what a request may be, errors in OpenAI's form, events as they come. */
package io.github.lora4j.serve.http;
