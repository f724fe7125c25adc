package io.github.lora4j.train.data;

import java.util.List;
import java.util.Optional;

/**
 * One row of a data file.
 *
 * @param line where it stands in the file, from 1
 * @param labels the label as text, several for multi-label data, none if the file has no label column
 */
public record Row(int line, String text, Optional<String> pair, List<String> labels) {}
