/**
 * The methods that LoRA is compared with: full training and BitFit, (IA)³, bottleneck adapters (Houlsby et al., 2019), prompt and prefix tuning; and
 * the head alone.
 */
package io.github.lora4j.lora.baselines;
