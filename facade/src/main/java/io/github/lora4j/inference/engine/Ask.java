package io.github.lora4j.inference.engine;

import io.github.lora4j.generate.Request;

/**
 * A sequence to be answered.
 *
 * @param request its adapter is that of the lease
 * @param continues whether the answer's text goes on where the prompt's ends
 * @param alternatives how many of the likeliest tokens are told with each token; 0: the token alone; −1: no probabilities
 */
public record Ask(Request request, boolean continues, int alternatives) {}
