/** What native images have to be told of lora4j's classes, found in their code and compared with what the jars say. */
package io.github.lora4j.testkit.reach;
