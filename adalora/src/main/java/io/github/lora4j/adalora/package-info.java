/**
 * AdaLoRA (Zhang et al. 2023): adapters in the form of a singular value decomposition, whose ranks move during training to the modules that
 * need them. The adapter records importance and orthogonality into the program, the schedule sets the budget of each step, and the allocator
 * chooses which ranks stay. Conventions of the authors' code and of PEFT; a trained adapter can be exported as plain LoRA.
 */
package io.github.lora4j.adalora;
