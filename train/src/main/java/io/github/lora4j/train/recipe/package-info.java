/**
 * Every setting of a run: {@link io.github.lora4j.train.recipe.Recipe} is validated and cannot change, {@link
 * io.github.lora4j.train.recipe.RecipeBuilder} reads it from YAML, options and code under the same names.
 */
package io.github.lora4j.train.recipe;
