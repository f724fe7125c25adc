/** LoRA itself (Hu et al., 2021) with DoRA, rsLoRA and the initialisations of PEFT; LoRA-FA; and merging into base weights. */
package io.github.lora4j.lora.plain;
