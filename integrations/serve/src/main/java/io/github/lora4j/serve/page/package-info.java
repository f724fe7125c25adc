/** The page: chats, runs and their curves, masks of data, a training started from a form. */
package io.github.lora4j.serve.page;
