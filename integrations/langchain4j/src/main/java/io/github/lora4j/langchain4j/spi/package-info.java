/** What frameworks implement to have builders of their own, as langchain4j's modules offer it. */
package io.github.lora4j.langchain4j.spi;
