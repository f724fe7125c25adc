package io.github.lora4j.testkit.reach;

import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.constant.ConstantDesc;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The types that Jackson makes objects of, or writes: what is handed to it, and to methods that hand it on. */
final class Jackson {

  private static final String DATABIND = "com/fasterxml/jackson/databind/";
  private static final Set<String> MAPPERS = Set.of(DATABIND + "ObjectMapper", DATABIND + "json/JsonMapper", DATABIND + "ObjectReader",
      DATABIND + "ObjectWriter", "com/fasterxml/jackson/dataformat/yaml/YAMLMapper");
  private static final Set<String> WRITERS = Set.of("valueToTree", "writeValue", "writeValueAsString", "writeValueAsBytes", "putPOJO", "addPOJO");
  private static final Set<String> READERS = Set.of("readValue", "treeToValue", "convertValue", "readerFor", "readValues", "updateValue",
      "readerForUpdating", "writerFor", "forType", "constructType", "treeAsTokens");

  private final Signatures signatures;
  private final Set<String> handers = new HashSet<>();
  private final Set<String> bound = new TreeSet<>();
  private final Set<String> unknown = new TreeSet<>();

  Jackson(Signatures signatures) {
    this.signatures = signatures;
  }

  /** The classes it was given. */
  Set<String> bound() {
    return bound;
  }

  /** Where it is given what no type is written of. */
  Set<String> unknown() {
    return unknown;
  }

  /** Looks at methods until none is found to hand its argument on that was not known to. */
  void read(List<Code> methods) {
    int known;
    do {
      known = handers.size();
      bound.clear();
      unknown.clear();
      methods.forEach(this::read);
    } while (handers.size() > known);
  }

  private void read(Code code) {
    for (int i = 0; i < code.instructions().size(); i++) {
      if (code.instructions().get(i) instanceof InvokeInstruction call) {
        String owner = call.owner().asInternalName();
        String name = call.name().stringValue();
        boolean mapper = MAPPERS.contains(owner) || owner.startsWith(DATABIND + "node/");
        if (mapper && WRITERS.contains(name) || handers.contains(owner + "#" + name)) {
          value(code, i - 1);
        } else if (MAPPERS.contains(owner) && READERS.contains(name)) {
          reader(code, i - 1, call);
        }
      } else if (code.instructions().get(i) instanceof InvokeDynamicInstruction dynamic) {
        for (ConstantDesc argument : dynamic.bootstrapArgs()) {
          if (argument instanceof DirectMethodHandleDesc handle && MAPPERS.contains(internal(handle.owner().descriptorString()))
              && (WRITERS.contains(handle.methodName()) || READERS.contains(handle.methodName()))) {
            unknown.add(code.place());
          }
        }
      }
    }
  }

  private static String internal(String descriptor) {
    return descriptor.substring(1, descriptor.length() - 1);
  }

  /** The last argument is the type; that of convertValue before it is written first. */
  private void reader(Code code, int last, InvokeInstruction call) {
    MethodTypeDesc type = call.typeSymbol();
    String parameter = type.parameterCount() == 0 ? "" : type.parameterType(type.parameterCount() - 1).descriptorString();
    if (parameter.equals("Ljava/lang/Class;")) {
      code.constantClass(last).ifPresentOrElse(constant -> add(code, constant.descriptorString(), true), () -> unknown.add(code.place()));
    } else if (parameter.equals("Lcom/fasterxml/jackson/core/type/TypeReference;")) {
      String superclass = code.made(last).map(signatures::superclass).orElse("");
      if (superclass.isEmpty()) {
        unknown.add(code.place());
      } else {
        bound.addAll(Signatures.names(superclass));
      }
    } else if (!call.owner().asInternalName().endsWith("ObjectReader")) {
      unknown.add(code.place());
    }
    if (call.name().equalsString("convertValue")) {
      value(code, code.start(last) - 1);
    }
  }

  /** The value that the instruction pushes is written. */
  private void value(Code code, int at) {
    Optional<String> signature = code.pushed(at, signatures);
    if (signature.isPresent() && Signatures.unknown(signature.get()) && code.instructions().get(at) instanceof LoadInstruction
        && code.passesOn(at)) {
      handers.add(code.place().replace('.', '/'));
      return;
    }
    signature.ifPresentOrElse(found -> add(code, found, false), () -> unknown.add(code.place()));
  }

  private void add(Code code, String signature, boolean read) {
    // Object as a type to read is JSON's own lists, maps, texts and numbers.
    if (Signatures.unknown(signature) && !read) {
      unknown.add(code.place());
    }
    bound.addAll(Signatures.names(signature));
  }
}
