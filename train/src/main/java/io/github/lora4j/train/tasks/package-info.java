/**
 * What is learnt: {@link io.github.lora4j.train.tasks.TrainingTask} is a service, and each task here is one of it. See
 * {@code docs/add-a-task.md}.
 */
package io.github.lora4j.train.tasks;
