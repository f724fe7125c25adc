///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 25+
//REPOS mavenlocal,mavencentral
//DEPS io.github.lora4j:lora4j-facade:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import java.util.List;
import java.util.Map;

/** jbang Chat.java /path/to/model-or-run "a question" */
class Chat {
  public static void main(String[] args) {
    try (LocalModel model = Lora4j.model(args[0])) {
      model.chat(List.of(Map.of("role", "user", "content", args[1])), Map.of("max_new_tokens", 200), System.out::print);
    }
  }
}
