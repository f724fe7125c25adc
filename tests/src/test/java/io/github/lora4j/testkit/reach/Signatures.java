package io.github.lora4j.testkit.reach;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassModel;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The generic types of lora4j's own methods and fields; of others what a descriptor says. */
final class Signatures {

  private static final Pattern NAME = Pattern.compile("L([\\w/$.]+)");

  private final Map<String, ClassModel> classes;

  Signatures(Map<String, ClassModel> classes) {
    this.classes = classes;
  }

  /** What a method returns. */
  String returned(String owner, String name, String descriptor) {
    ClassModel model = classes.get(owner);
    String signature = model == null ? descriptor : model.methods().stream()
        .filter(method -> method.methodName().equalsString(name) && method.methodType().equalsString(descriptor)).findFirst()
        .flatMap(method -> method.findAttribute(Attributes.signature())).map(found -> found.signature().stringValue()).orElse(descriptor);
    return signature.substring(signature.indexOf(')') + 1);
  }

  /** What a field holds. */
  String field(String owner, String name, String descriptor) {
    ClassModel model = classes.get(owner);
    return model == null ? descriptor : model.fields().stream().filter(field -> field.fieldName().equalsString(name)).findFirst()
        .flatMap(field -> field.findAttribute(Attributes.signature())).map(found -> found.signature().stringValue()).orElse(descriptor);
  }

  /** The type arguments of a class's superclass, such as those of an anonymous TypeReference. */
  String superclass(String name) {
    ClassModel model = classes.get(name);
    return model == null ? "" : model.findAttribute(Attributes.signature()).map(found -> found.signature().stringValue()).orElse("");
  }

  /** The names of the classes in a signature. */
  static Set<String> names(String signature) {
    return NAME.matcher(signature).results().map(match -> match.group(1).replace('.', '$')).collect(Collectors.toCollection(TreeSet::new));
  }

  /** Whether a signature says nothing of what is there: Object, or a type variable. */
  static boolean unknown(String signature) {
    Matcher whole = Pattern.compile("Ljava/lang/Object;|T\\w+;").matcher(signature);
    return whole.matches();
  }
}
